#!/bin/sh
# Make the Secrets that are missing, with random values; those that exist stay as they are.
# Usage: k8s/create-secrets.sh [namespace]      (KUBECTL names another client)
set -eu
namespace="${1:-harness}"
kubectl="${KUBECTL:-kubectl}"

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

create() { # name key=value…  (values go through a file descriptor, not the process list)
    name="$1"; shift
    if $kubectl --namespace "$namespace" get secret "$name" >/dev/null 2>&1; then
        echo "$name exists"
        return
    fi
    {
        printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\nstringData:\n' \
            "$name" "$namespace"
        for pair in "$@"; do printf '  %s: "%s"\n' "${pair%%=*}" "${pair#*=}"; done
    } | $kubectl create -f -
}

$kubectl get namespace "$namespace" >/dev/null 2>&1 || $kubectl create namespace "$namespace"
password="$(random)"
create harness-qdrant "QDRANT_API_KEY=$(random)"
create harness-prefect "auth-string=harness:$password" "username=harness" "password=$password"
create harness-postgres "password=$(random)"
# What is in the cluster: the Secret may be older than this run.
database="$($kubectl --namespace "$namespace" get -o 'jsonpath={.data.password}' secret harness-postgres | base64 -d)"
case "$database" in
    "" | *[!A-Za-z0-9]*)
        echo "harness-backup: make it by hand (k8s/secrets.example.yaml); the password of harness-postgres needs %XX" >&2 ;;
    *)
        create harness-backup \
            "HARNESS_PREFECT_DATABASE_URL=postgresql+asyncpg://prefect:$database@postgres:5432/prefect" ;;
esac
create harness-webhook "HARNESS_WEBHOOK_SECRET=$(random)"
