`define LIMIT 3
module top(input a, output b);
  parameter WIDTH = 8;
  localparam DEPTH = 2;
  wire w;
  assign b = a;
  function automatic int add(int x);
    return x;
  endfunction
  task run; begin end endtask
  always @(posedge a) begin end
  adder u1 (.a(a));
endmodule
module old (a, b);
 input a;
endmodule
package shop;
  typedef struct packed { logic x; } point_t;
  typedef enum { RED } color_t;
endpackage
interface bus; endinterface
class Cart extends Base;
  int total;
  function new(); endfunction
  function void pay(int x); endfunction
  task go(); endtask
endclass
