Attribute VB_Name = "Shop"
Option Explicit
Public Const LIMIT = 3

Private Sub Pay(ByVal x As Long)
    Dim y
End Sub

Function Total() As Long
End Function
