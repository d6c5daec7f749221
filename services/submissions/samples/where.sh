curl --silent --show-error -H "Authorization: Bearer $KEY" -H "Accept-Language: @language@" \
  @address@/submissions/@uscc@/rail-robot-01
echo
curl --silent --show-error -H "Authorization: Bearer $KEY" -H "Accept-Language: @language@" \
  "@address@/submissions?kind=product"
