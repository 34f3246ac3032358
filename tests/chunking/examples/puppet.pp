class shop::cart (
  String $user = 'www',
) inherits base {
  package { 'nginx': ensure => installed }
  $x = 1
}
define shop::vhost($port) {
  file { '/a': }
}
function shop::add(Integer $a) >> Integer {
  $a
}
node 'web1.example.com' {
  include shop
}
type Shop::Port = Integer
