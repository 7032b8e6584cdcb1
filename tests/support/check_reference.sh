#!/usr/bin/env bash
# check_reference.sh DOXYGEN DOXYFILE FOLDER: builds the API reference into FOLDER. Fails on a
# warning, on a page that is missing, and on text that Doxygen or HTML took for markup.
set -euo pipefail

doxygen=$1 doxyfile=$2 folder=$3
rm -rf "$folder"
mkdir -p "$folder"
{
  cat "$doxyfile"
  echo "OUTPUT_DIRECTORY = \"$folder\""
} | "$doxygen" - || {
  echo "the API reference has warnings; they are above"
  exit 1
}

failed=0
# holds PAGE TEXT: the page is there and has the text, as HTML spells it.
holds() {
  if ! grep -qF -- "$2" "$folder/html/$1"; then
    echo "$folder/html/$1 does not hold: $2"
    failed=1
  fi
}
holds index.html 'The map of the headers'
holds structctgpt_1_1parts_1_1linear.html 'linear&#60;In, Out&#62;: y = x W&#94;T + b'
holds structctgpt_1_1parts_1_1linear.html 'Shapes: x (N,In), y (N,Out), W (Out,In), b (Out).'
holds classctgpt_1_1trainer.html 'trainer: the loop of training steps.'
holds structctgpt_1_1gpt.html 'The page to read first.'
holds structctgpt_1_1config.html 'width of the MLP; 0: 4 &#42; width'
holds page_include_ctgpt_layer_README.html 'How to write a layer'
holds page_include_ERRORS.html 'While linking'
if grep -l 'ilinebr' "$folder"/html/*.html; then
  echo "the pages above have a table row that Doxygen could not read"
  failed=1
fi
if grep -l 'CTGPT_ABI' "$folder"/html/class*.html "$folder"/html/struct*.html; then
  echo "the pages above name CTGPT_ABI, which should read ctgpt"
  failed=1
fi
exit $failed
