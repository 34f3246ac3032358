function y = area(x)
y = x;
end
function [a, b] = two(x)
end
function none
end
