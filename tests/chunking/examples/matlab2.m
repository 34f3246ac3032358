classdef Cart < handle
  properties
    Total = 0
  end
  methods
    function obj = Cart(x)
    end
    function add(obj, p)
    end
  end
end
