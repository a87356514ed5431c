# The large models of tests/models as object files, as tests/scripts/object.sh does the small ones.
set -eu
. "$ROOT/tests/host/check.sh"
check_models "$ROOT"/tests/models/{graph,lenet,resnet20,siamese,unet,vae,vit}.nn
