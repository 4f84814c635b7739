"""Text of pages that are pictures, by Tesseract: its languages, how a page becomes a picture, what the picture says."""
