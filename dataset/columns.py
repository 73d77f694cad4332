"""The columns of creditcard.csv in file order, and the file's published size and counts."""

FEATURES = ("Time", *(f"V{number}" for number in range(1, 29)), "Amount")
"""A model's inputs: seconds since the first transaction, 28 principal components, the amount."""

COLUMNS = (*FEATURES, "Class")
"""Every column; Class is 1 for a fraud and 0 for a legitimate transaction."""

# The original file, as its authors published it (Machine Learning Group of ULB and Worldline;
# Dal Pozzolo, Caelen, Johnson, Bontempi: Calibrating Probability with Undersampling for
# Unbalanced Classification, CIDM 2015).
ROWS = 284_807
FRAUDS = 492
BYTES = 150_828_752
SHA256 = "76274b691b16a6c49d3f159c883398e03ccd6d1ee12d9d8ee38f4b4b98551a89"
