module Main exposing (..)
import Html
type alias Model = { x : Int }
type Msg = Inc | Dec
port send : String -> Cmd msg
update : Msg -> Model -> Model
update msg model =
    let
        y = 1
    in
    model
limit = 3
