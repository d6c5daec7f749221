curl --silent --show-error --data-binary @entry.json \
  -H "Authorization: Bearer $KEY" -H "Accept-Language: @language@" \
  "@address@/submissions?validate=only"
