# Lets espeak-ng speak ten words, in three accents, by forty voices into train/ and by ten others into test/: sh speak.sh
set -e
speak() { # FOLDER VOICE...: each voice in its own pitch and two speeds
    folder=$1
    shift
    for word in yes no up down left right on off stop go; do
        mkdir -p "$folder/$word"
        pitch=20
        for voice in "$@"; do
            pitch=$(((pitch + 23) % 80 + 10))
            for accent in en-gb en-us en-gb-scotland; do
                for speed in 140 190; do
                    espeak-ng -v "$accent+$voice" -s $speed -p $pitch -w "$folder/$word/$voice.$accent.$speed.wav" "$word"
                done
            done
        done
    done
}
speak train Alex Alicia Andrea Andy Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael Mike Storm adam anika antonio belinda \
    benjamin boris caleb david ed edward f1 f2 f3 grandma gustave iven john klatt linda m1 m2 m3 m4
speak test f4 f5 m5 m6 m7 max michel pablo steph victor
