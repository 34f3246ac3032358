package Foo::Bar;
use strict;
our $VERSION = 1;
my $x = 2;
use constant LIMIT => 3;
sub run {
  my $self = shift;
}
package Other { sub inner { 1 } }
1;
