curl --silent --show-error --include --data-binary @entry.json \
  -H "Authorization: Bearer $KEY" -H "Accept-Language: @language@" \
  -H "Idempotency-Key: $(sha256sum < entry.json | cut -c1-64)" \
  @address@/submissions
