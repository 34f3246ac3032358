@echo off
set LIMIT=3
call :deploy
goto :eof

:deploy
echo x
exit /b
