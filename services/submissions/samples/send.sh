curl --silent --show-error --include --data-binary @entry.json \
  -H "Authorization: Bearer $KEY" -H "Idempotency-Key: $(sha256sum < entry.json | cut -c1-64)" \
  @address@/submissions
