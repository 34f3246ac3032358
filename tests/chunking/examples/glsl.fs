#version 330
#define LIMIT 3
uniform mat4 model;
struct Light { vec3 pos; };
vec3 shade(vec3 n, Light l) {
  float x = 1.0;
  return n;
}
void main() { gl_FragColor = vec4(1.0); }
