set -g LIMIT 3
function deploy --argument x
  set -l y 1
  echo $x
end
