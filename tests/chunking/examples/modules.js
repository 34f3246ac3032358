(function (root, factory) {
  if (typeof define === "function" && define.amd) define(["exports"], factory);
  else factory((root.shop = {}));
})(this, function (exports) {
  "use strict";
  var rates = {};
  function round(sum) {
    var cents = sum * 100;
    return Math.round(cents) / 100;
  }
  exports.total = function (cart) {
    return round(cart.sum);
  };
});
!(function ($) {
  $.fn.cartTable = function () {
    return this;
  };
}).call(this, jQuery);
define(["shop"], function (shop) {
  class Basket {
    add(item) {}
  }
  return Basket;
});
var Till = (function () {
  function open() {}
  return { open: open };
})();
module.exports = function (app) {
  const route = () => app;
  app.get("/", function (request) {
    function local() {}
  });
};
module.exports = function mount(app) {
  function hidden() {}
};
