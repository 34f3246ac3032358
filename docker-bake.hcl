# docker buildx bake            one image for amd64 and arm64, with SBOM and provenance
# docker buildx bake local      for this machine, into the local engine
variable "REGISTRY" { default = "" }
variable "VERSION" { default = "0.1.0" }
variable "REVISION" { default = "unknown" }

group "default" { targets = ["harness"] }

target "harness" {
  context    = "."
  dockerfile = "Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  args       = { VERSION = VERSION, REVISION = REVISION }
  tags       = [equal(REGISTRY, "") ? "harness:${VERSION}" : "${REGISTRY}/harness:${VERSION}"]
  attest     = ["type=sbom", "type=provenance,mode=max"]
}

target "local" {
  inherits  = ["harness"]
  platforms = []
  attest    = []
  output    = ["type=docker"]
}
