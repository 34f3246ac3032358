$version: "2"
namespace shop
service Users {
  version: "1"
  operations: [GetUser]
}
@readonly
operation GetUser {
  input: GetUserInput
}
structure GetUserInput {
  @required
  id: String
}
enum Color { RED }
list Ids { member: String }
string Id
union Any { a: String }
resource Cart {}
