"""Reading COCO folders and making training samples."""
