{ pkgs, lib, ... }:
let
  limit = 3;
  add = a: b: a + b;
in {
  services.nginx.enable = true;
  pay = x: x;
  inner = { deep = 1; };
}
