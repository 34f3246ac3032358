library ieee;
entity counter is
  port (clk : in bit);
end entity;
architecture rtl of counter is
  signal total : integer;
  constant LIMIT : integer := 3;
  type state is (idle, run);
  component adder is port (a : in bit); end component;
  function add(a : integer) return integer is
  begin
    return a;
  end function;
begin
  main : process (clk)
    variable y : integer;
  begin
  end process;
end architecture;
package shop is
  procedure pay(a : integer);
end package;
package body shop is
  procedure pay(a : integer) is
  begin
  end procedure;
end package body;
