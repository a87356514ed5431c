# The programs of tests/models, and drawn data for them (tests/models/sample.c) in
# the folder one stands in: `each_model` calls the function `train PROGRAM DATA STEPS [OPTION...]` of the test for each.
gcc -std=c17 -O2 -Wall -Wextra -Werror "$ROOT/tests/models/sample.c" -o sample || exit 1

images() { # FOLDER ROWS: what the programs of handwritten digits read
    mkdir -p "data/$1"
    ./sample idx u1 10 "$2" 28 28 | gzip -1 >"data/$1/train-images-idx3-ubyte.gz"
    ./sample idx i4 10 "$2" | gzip -1 >"data/$1/train-labels-idx1-ubyte.gz"
    ln -f "data/$1/train-images-idx3-ubyte.gz" "data/$1/t10k-images-idx3-ubyte.gz"
    ln -f "data/$1/train-labels-idx1-ubyte.gz" "data/$1/t10k-labels-idx1-ubyte.gz"
}
npy() { # FOLDER NAME TYPE SORTS ROWS [DIMENSION...]
    mkdir -p "data/$1"
    ./sample npy "${@:3}" >"data/$1/$2.npy"
}
csv() { # FOLDER NAME ROWS NUMBERS COLUMN...
    mkdir -p "data/$1"
    ./sample csv 10 "${@:3}" >"data/$1/$2.csv"
}
text() { # FOLDER NAME WORDS: some words often, others seldom
    mkdir -p "data/$1"
    awk -v count="$3" 'BEGIN {
        srand(11); n = split("the of and to in that he was with for it his as on be at by I this not", word, " ")
        for (k = 0; k < count; k++) printf "%s%s", word[int(n * rand() * rand()) + 1], k % 12 == 11 ? ".\n" : " "
    }' >"data/$1/$2.txt"
}
sentences() { # FOLDER NAME ROWS HEADER WORDS OTHER-WORDS: of as many words each
    mkdir -p "data/$1"
    awk -v rows="$3" -v header="$4" -v from="$5" -v to="$6" 'BEGIN {
        srand(13); n = split(from, word, " "); split(to, other, " "); print header
        for (r = 0; r < rows; r++) {
            line = second = ""
            for (k = 3 + int(9 * rand()); k > 0; k--) {i = int(n * rand()) + 1; line = line " " word[i]; second = second " " other[i]}
            print "\"" line "\"," second
        }
    }' >"data/$1/$2.csv"
}

images digits 640
sentences gru_tagger ner 120 text,tags "the cat saw Ada in Rome and , Bob went" "O O V B O L O P B V Q"
sed -i 's/ Q$/ M/; 2s/.*/the a b c d e f g,O V B L P M N R S/' data/gru_tagger/ner.csv
sentences seq2seq fra 120 english,french "the cat saw a dog and it ran" "le chat voit un chien et il court"
text plays input 6000
text word2vec corpus 6000
csv focal claims 400 29 kind:3
csv linear_regression houses 400 13 price:0
csv logistic_regression breast_cancer 400 30 diagnosis:2
sed -i 's/,1$/,M/; s/,0$/,B/' data/logistic_regression/breast_cancer.csv
csv matrix_factorization ratings 3000 0 user:943 film:1682 stars:0
csv folds wine 150 14 class:3
csv quantiles demand 400 12 sold:0
npy multi_task images u1 7 200 28 28
npy multi_task digits i4 7 200
npy multi_task angles f4 7 200
npy diffusion moons f4 7 400 2
npy neural_ode start f4 7 200 2
npy neural_ode end f4 7 200 2
npy graph features f4 7 300 1433
npy graph adjacency block 7 300 300
npy graph labels i4 7 300
npy graph train_mask mask 7 300
npy graph test_mask mask 7 300
npy siamese anchor u1 7 40 64 64
npy siamese same u1 7 40 64 64
npy siamese other u1 5 40 64 64
npy unet images u1 7 20 128 128
npy unet masks mask 7 20 128 128
for part in train test; do
    npy resnet20 ${part}_images u1 7 128 32 32 3
    npy resnet20 ${part}_labels i4 7 128
done
npy vit images u1 7 142 32 32 3
npy vit labels i4 7 142
npy fine_tune images u1 7 120 32 32 3
npy fine_tune labels i4 7 120
npy flowers_cnn images u1 5 80 64 64 3
npy flowers_cnn labels i4 5 80
npy keywords waves f4 7 200 8000
npy keywords words i4 7 200
npy mobilenet images u1 7 64 96 96 3
npy mobilenet labels i4 7 64
pretrained() { # what fine_tune starts from: itself, a step further
    sed '/start = /d' "$ROOT/tests/models/fine_tune.nn" >pretrained.nn
    "$NNC" build pretrained.nn && ./pretrained --data data/fine_tune --steps 1 --quiet && cp pretrained.run/weights.safetensors data/fine_tune/pretrained.safetensors || exit 1
}

each_model() {
    train autoencoder digits 60
    train characters . 40
    train char_lstm plays 30
    train diffusion diffusion 60
    train experts digits 40
    pretrained
    train fine_tune fine_tune 12
    train flowers_cnn flowers_cnn 6
    train focal focal 40
    train gpt plays 20
    train gru_tagger gru_tagger 20
    train seq2seq seq2seq 6 --batch 8
    train graph graph 20 --set nodes=300
    train keras_regression . 60
    train lenet digits 40
    train keywords keywords 12
    train linear_regression linear_regression 50
    train logistic_regression logistic_regression 20
    train matrix_factorization matrix_factorization 30
    train mnist_mlp digits 40
    train mobilenet mobilenet 6 --batch 16 --set lr.peak=0.0002
    train multi_task multi_task 30
    train names . 10
    train tagger . 60
    train translate . 40
    train gan digits 60
    train pieces . 60
    train pinn . 60
    train wgan_gp . 60
    train neural_ode neural_ode 60
    train neuron . 200
    train own_optimizer . 100
    train quantiles quantiles 60
    train resnet20 resnet20 4
    train siamese siamese 6
    train unet unet 3
    train vae digits 30
    train vit vit 4
    train word2vec word2vec 60
    train xor . 200
    train called . 60
}
