:- module(shop, [pay/2]).
pay(X, Y) :-
    cart(X),
    Y is X + 1.
list --> [].
