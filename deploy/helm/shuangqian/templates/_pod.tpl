{{/* What every pod of ours is like. Takes: root, service, process (api or worker), port, resources. */}}
{{- define "shuangqian.labels" -}}
app.kubernetes.io/part-of: shuangqian
app.kubernetes.io/name: {{ .service }}
app.kubernetes.io/component: {{ .process }}
{{- end -}}

{{- define "shuangqian.pod" -}}
metadata:
  labels:
    {{- include "shuangqian.labels" . | nindent 4 }}
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/port: {{ .port | quote }}
    prometheus.io/path: /metrics
spec:
  automountServiceAccountToken: false
  # A worker ends within 20 s of SIGTERM; whoever follows events is given 10.
  terminationGracePeriodSeconds: 30
  securityContext: {runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: {{ .process }}
      image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag }}"
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      command: [python, -m, {{ .service }}, {{ .process }}]
      env:
        - {name: SHUANGQIAN_HOST, value: 0.0.0.0}
        - {name: SHUANGQIAN_{{ if eq .process "api" }}API{{ else }}OPS{{ end }}_PORT, value: {{ .port | quote }}}
      envFrom:
        - configMapRef: {name: shuangqian-settings}
        - secretRef: {name: {{ .root.Values.secret }}}
        # What this service alone signs in with.
        - secretRef: {name: {{ .root.Values.secret }}-{{ .service }}, optional: true}
      ports:
        - {name: http, containerPort: {{ .port }}}
      startupProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 2, failureThreshold: 45}
      readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 5}
      livenessProbe: {httpGet: {path: /livez, port: http}, periodSeconds: 10, failureThreshold: 6}
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
      resources: {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- if eq .service "audit" }}
        - {name: log, mountPath: {{ index .root.Values.settings "SHUANGQIAN_LOG_FOLDER" }}{{ if eq .process "api" }}, readOnly: true{{ end }}}
        {{- end }}
  volumes:
    - {name: tmp, emptyDir: {}}
    {{- if eq .service "audit" }}
    - {name: log, persistentVolumeClaim: {claimName: shuangqian-log}}
    {{- end }}
{{- end -}}
