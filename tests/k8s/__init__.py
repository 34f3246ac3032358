"""The chart, the manifests, the image and the job template, tested without a cluster."""
