"""End the Jobs of flow runs after an uninstallation; standard library only.

Jobs are made by the worker, so that Helm knows none of them. This runs once the worker is gone:
while it is there, a flow run whose Job vanishes gets a new one.

Environment: NAMESPACE, KUBERNETES_SERVICE_HOST and _PORT; ACCOUNT_DIR (token, ca.crt).
"""

import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

folder = Path(os.environ.get("ACCOUNT_DIR", "/var/run/secrets/kubernetes.io/serviceaccount"))
host = os.environ["KUBERNETES_SERVICE_HOST"]
host = f"[{host}]" if ":" in host else host
scheme = os.environ.get("KUBERNETES_SCHEME", "https")
query = urllib.parse.urlencode(
    {"labelSelector": "prefect.io/flow-run-id", "propagationPolicy": "Background"}
)
request = urllib.request.Request(  # noqa: S310 - the API server's own address
    f"{scheme}://{host}:{os.environ['KUBERNETES_SERVICE_PORT']}/apis/batch/v1/namespaces/"
    f"{os.environ['NAMESPACE']}/jobs?{query}",
    method="DELETE",
    headers={"Authorization": f"Bearer {(folder / 'token').read_text().strip()}"},
)
trust = ssl.create_default_context(cafile=folder / "ca.crt") if scheme == "https" else None
# Directly: a proxy for what leaves the cluster would not know this address.
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
)
try:
    opener.open(request, timeout=60).close()
except urllib.error.HTTPError as error:
    sys.exit(f"Kubernetes answered {error.code}: Jobs may still run; kubectl delete jobs --all")
print("running flow runs were ended")
