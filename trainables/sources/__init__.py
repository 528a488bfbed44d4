"""The sources of images, each in a module, and what they share: parts, files, places on the disk."""
