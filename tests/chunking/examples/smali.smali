.class public Lcom/shop/Cart;
.super Ljava/lang/Object;
.field private total:I
.method public add(I)V
    .registers 2
    return-void
.end method
.method public constructor <init>()V
    return-void
.end method
