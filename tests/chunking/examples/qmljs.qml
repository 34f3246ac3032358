import QtQuick 2.0
Item {
  id: root
  property int total: 3
  signal died(int x)
  function add(p) { var y = 1; return p }
  Rectangle {
    id: box
    function inner() {}
  }
}
