targetScope = 'subscription'
param size int = 1
@description('x')
param name string
var total = 3
resource store 'Microsoft.Storage/x@2021' = {
  name: 'a'
}
module net './net.bicep' = {
  name: 'n'
}
output id string = store.id
type Kind = 'a' | 'b'
func twice(x int) int => x * 2
