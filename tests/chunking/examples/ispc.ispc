#define LIMIT 3
struct Point { float x; };
export void scale(uniform float a[], uniform int n) { int y = 1; }
static inline float sq(float x) { return x * x; }
