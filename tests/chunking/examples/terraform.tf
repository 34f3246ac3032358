terraform {
  required_version = "1"
}
variable "size" {
  default = 1
}
resource "aws_s3_bucket" "logs" {
  bucket = "x"
  lifecycle {
    a = 1
  }
}
data "aws_ami" "base" {}
module "vpc" {
  source = "x"
}
output "arn" { value = 1 }
locals {
  a = 1
}
