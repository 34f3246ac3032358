#define LIMIT 3
__global__ void scaleAll(float *x, int n) {
  int i = 1;
}
__device__ __forceinline__ float square(float x) { return x * x; }
template <typename T> struct Grid { T x; __host__ __device__ T at(int i) { return x; } };
namespace ops { void launch() { scaleAll<<<1, 2>>>(a, 3); } }
__constant__ float table[3];
