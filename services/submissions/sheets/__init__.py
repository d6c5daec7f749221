"""CSV and XLSX as a way in: what columns there are, reading files, sending their rows, and giving them back marked."""
