#define LIMIT 3
cbuffer PerFrame : register(b0) { float4x4 view; };
Texture2D tex : register(t0);
struct VSIn { float4 pos : POSITION; };
float4 shade(VSIn i) : SV_Target {
  float x = 1;
  return i.pos;
}
[numthreads(8,8,1)]
void CSMain(uint3 id : SV_DispatchThreadID) { }
