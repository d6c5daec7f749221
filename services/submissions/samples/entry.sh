cat > entry.json <<'JSON'
@entry@
JSON
