# The King James Bible without the numbers of its verses, from Debian's packages bible-kjv and bible-kjv-text: sh bible.sh >kjv.txt
bible -f Gen1:1-Rev22:21 | sed 's/^[^ ]* //'
