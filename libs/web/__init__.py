"""What the services' pages share: the application, layout, macros, sign-in, languages and static files."""
