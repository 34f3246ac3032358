extends Node
class_name Player
signal died(x)
const LIMIT = 3
@export var speed: int = 1
enum State { IDLE }
func _ready() -> void:
	var y = 1
static func make():
	pass
class Inner:
	var z = 1
	func go():
		pass
