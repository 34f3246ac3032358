SUMMARY = "x"
LIMIT ?= "3"
inherit cmake
do_install() {
  install a
}
python do_check() {
  x = 1
}
def helper(d):
  return 1
do_install:append() {
  b
}
addtask check after do_install
