#!/bin/sh
# Tokens of the service, kept in a Secret: `harness tokens` with its own arguments.
# Usage: k8s/tokens.sh create --name ci --scope read       NAMESPACE, SECRET, KUBECTL may be set
# The file of hashes goes through pipes; the token itself appears on the terminal only, once.
set -eu
namespace="${NAMESPACE:-harness}"
secret="${SECRET:-harness-tokens}"
kubectl="${KUBECTL:-kubectl} --namespace $namespace"

umask 077
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
# A Secret that cannot be read is not one that is missing: writing would lose all tokens.
$kubectl get secret "$secret" --ignore-not-found -o 'jsonpath={.data.tokens\.json}' > "$folder/encoded"
base64 -d < "$folder/encoded" > "$folder/before"
# $@ and $HARNESS_TOKENS_FILE are the pod's.
# shellcheck disable=SC2016
$kubectl exec -i deploy/api -- sh -ec '
    umask 077
    folder="$(mktemp -d)"
    trap "rm -rf \"$folder\"" EXIT
    cat > "$folder/tokens.json"
    test -s "$folder/tokens.json" || rm "$folder/tokens.json"
    HARNESS_TOKENS_FILE="$folder/tokens.json" harness tokens "$@" >&2
    if test -e "$folder/tokens.json"; then cat "$folder/tokens.json"; fi
' sh "$@" < "$folder/before" > "$folder/after"
if cmp -s "$folder/before" "$folder/after" || ! test -s "$folder/after"; then exit 0; fi
{
    printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s}\ndata:\n  tokens.json: ' "$secret"
    base64 < "$folder/after" | tr -d '\n'
    echo
} | $kubectl apply -f -
echo "The service knows it within two minutes (Kubernetes renews the mounted Secret)." >&2
