"""How a bill and its completeness proof look: JSON, CSV, XLSX, PDF and a terminal's table, in Russian and English."""
