struct Light {
  pos: vec3<f32>,
}
@group(0) @binding(0) var<uniform> light: Light;
const LIMIT: i32 = 3;
let OLD = 2;
alias Vec = vec3<f32>;
fn shade(n: vec3<f32>) -> f32 {
  let x = 1.0;
  return x;
}
@compute @workgroup_size(1)
fn main() {}
