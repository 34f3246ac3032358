{{- define "harness.waitForPostgres" -}}
# The server ends when its database is not there yet: a first start would look like a fault.
- name: database
  image: {{ include "harness.image" (dict "root" . "image" .Values.harness.image) }}
  imagePullPolicy: {{ .Values.imagePullPolicy }}
  command: [python, -c]
  args:
    - |
      import socket, time
      while True:
          try:
              socket.create_connection(("postgres", 5432), 5).close()
              break
          except OSError as error:
              print("waiting for postgres:5432:", error, flush=True)
              time.sleep(2)
  resources:
    requests: {cpu: 10m, memory: 32Mi}
    limits: {cpu: 100m, memory: 64Mi}
  securityContext:
    {{- include "harness.securityContext" . | nindent 4 }}
{{- end }}
