local limit = 3;
local add(a, b) = a + b;
{
  pay(x): x,
  name: "a",
  hidden:: 3,
  inner: { deep: 1 },
}
