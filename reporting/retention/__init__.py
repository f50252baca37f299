"""Takes away what need not be kept: old ledger rows, and old days of the archive. The sums stay."""
