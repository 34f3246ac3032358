CREATE PROCEDURE [dbo].[PayNow]
 @id INT
AS
BEGIN
  SELECT 1
END
GO
CREATE TABLE [dbo].[Carts] (
 [Id] INT IDENTITY(1,1) NOT NULL
)
GO
CREATE TABLE `orders` (
 `id` int(11) NOT NULL AUTO_INCREMENT,
 PRIMARY KEY (`id`)
) ENGINE=InnoDB;
CREATE MATERIALIZED VIEW mv AS SELECT 1;
create type mood as enum ('a');
create domain d as text;
CREATE SCHEMA shop;
CREATE ROLE admin;
