pragma solidity ^0.8.0;
uint constant LIMIT = 3;
struct Top { uint x; }
interface IVault { function pay(uint a) external; }
library Maths { function twice(uint x) internal pure returns (uint) { return x; } }
error Broke(uint x);
contract Vault is IVault {
  uint public total;
  event Sent(uint a);
  error Bad();
  enum State { On }
  struct Item { uint x; }
  modifier onlyOwner() { _; }
  constructor() {}
  function pay(uint a) external override { uint y = 1; }
  receive() external payable {}
}
function free(uint x) pure returns (uint) { return x; }
