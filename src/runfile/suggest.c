/* The name that is likely to be meant by one that is not known. */
#include <ctype.h>
#include <string.h>

#include "runfile/parse.h"

/* Names that users of other programs know, without case and underscores. `own` is a name, or a path
 * if several sections have that name; its last part is suggested wherever it is valid. */
struct Synonym {
    const char *own;
    const char *others; /* divided by blanks */
};
static const struct Synonym synonyms[] = {
    /* sections */
    {"model", "arch architecture network net layers backbone"},
    {"loss", "criterion lossfn lossfunction objective"},
    {"optimizer", "optim optimiser solver"},
    {"schedule", "scheduler lrscheduler lrschedule lrpolicy"},
    {"augment", "augmentation augmentations transform transforms dataaugmentation"},
    {"preprocess", "normalize normalise normalization totensor rescale"},
    {"average.ema", "ema emadecay modelema"},
    {"average.swa", "swa"},
    {"keys", "space searchspace params parameters hyperparameters"},
    /* data */
    {"file", "dataset datapath datadir trainfile filename path root"},
    {"data", "dataset"},
    {"fraction", "validationsplit valsplit valfraction testsize"},
    {"data.classes", "numclasses nclasses"},
    {"center", "mean"},
    {"scale", "std"},
    {"decorrelate", "whiten whitening zcawhitening"},
    /* training */
    {"train.length", "epochs epoch numepochs nepochs nbepoch maxepochs numtrainepochs totalepochs "
                     "steps numsteps maxsteps totalsteps iterations iters maxiter maxiterations"},
    {"train.batch", "batchsize bs batch minibatch minibatchsize trainbatchsize"},
    {"train.shards", "gradaccum accumgrad gradientaccumulationsteps accumulategradbatches"},
    {"train.seed", "seed randomseed randomstate manualseed rngseed"},
    {"train.precision", "amp fp16 bf16 mixedprecision dtype"},
    {"train.last_batch", "droplast"},
    {"train.sampling", "sampler"},
    {"clip.norm", "clip gradclip clipgrad clipgradnorm maxgradnorm clipnorm gradientclip "
                  "gradientclipval"},
    {"clip.value", "clipvalue"},
    {"start_from.checkpoint", "pretrained initfrom loadfrom checkpointpath ckpt"},
    {"parameters.all.frozen", "freeze"},
    {"early_stopping.metric", "monitor"},
    {"checkpoint.best", "monitor metric"},
    {"early_stopping.minimum_improvement", "mindelta tolerance tol"},
    {"checkpoint.every", "saveevery savefreq saveinterval savesteps interval freq frequency"},
    {"checkpoint.keep", "savetopk savetotallimit maxtokeep"},
    {"validation.every", "evalevery evalinterval evalsteps valinterval valevery"},
    /* optimizers and schedules */
    {"optimizer.sgd.rate", "lr lr0 learningrate baselr initlr initiallr eta"},
    {"optimizer.sgd.weight_decay", "weightdecay wd l2 l2reg reg regularization"},
    {"optimizer.adam.beta1", "betas beta"},
    {"optimizer.adam.epsilon", "eps"},
    {"optimizer.nesterov", "nag"},
    {"schedule.constant.warmup", "warmup warmupepochs warmupsteps warmupiters numwarmupsteps"},
    {"schedule.multi_step", "piecewiseconstant"},
    {"schedule.multi_step.at", "milestones boundaries steps lrsteps decayepochs"},
    {"schedule.step.factor", "gamma lrdecay decayrate decayfactor decay"},
    {"schedule.step.every", "stepsize decaysteps decayevery"},
    {"schedule.cosine.final", "etamin minlr finallr endlr"},
    {"schedule.plateau", "reducelronplateau"},
    {"schedule.plateau.minimum", "minlr"},
    {"schedule.cosine", "cosineannealinglr cosinelr"},
    {"schedule.cosine_restarts", "cosineannealingwarmrestarts sgdr"},
    {"schedule.cosine_restarts.period", "t0"},
    {"schedule.cosine_restarts.growth", "tmult"},
    {"schedule.one_cycle", "1cycle"},
    {"schedule.one_cycle.rise", "pctstart"},
    {"schedule.inverse_sqrt", "noam"},
    /* losses */
    {"loss.cross_entropy.class_weights", "classweight"},
    {"cross_entropy", "ce nll nllloss softmax logloss categoricalcrossentropy "
                      "sparsecategoricalcrossentropy softmaxcrossentropy"},
    {"binary_cross_entropy", "bce bceloss bcewithlogitsloss sigmoid logistic"},
    {"mse", "l2 l2loss mseloss meansquarederror rmse"},
    {"parameters.weights.l1", "l1"},
    {"mae", "l1 l1loss meanabsoluteerror"},
    {"huber", "smoothl1 smoothl1loss"},
    {"svm", "hinge hingeloss multimarginloss"},
    /* layers, and their keys */
    {"linear", "dense fc fullyconnected innerproduct"},
    {"conv", "convolution"},
    {"avgpool", "averagepooling2d"},
    {"global_avgpool", "gap globalavgpool2d adaptiveavgpool2d globalaveragepooling2d globalpool"},
    {"global_maxpool", "globalmaxpool2d adaptivemaxpool2d globalmaxpooling2d"},
    {"batchnorm", "bn batchnormalization norm"},
    {"layernorm", "ln layernormalization"},
    {"leaky_relu", "lrelu"},
    {"relu", "activation nonlinearity"},
    {"silu", "swish"},
    {"dropout", "dropout2d spatialdropout spatialdropout2d"},
    {"residual", "skip shortcut add resblock basicblock bottleneck"},
    {"branches", "concat concatenate inception parallel"},
    {"out", "filters numfilters nfilters channels units numoutput outputs nodes neurons hidden"},
    {"kernel", "ksize size poolsize window"},
    {"padding", "pad pads"},
    {"weight_init", "kernelinitializer kernelinit init initializer weightinitializer"},
    {"bias_init", "biasinitializer"},
    {"slope", "alpha"},
    {"momentum", "decay"},
    {"scale_init", "gammainit gammainitializer"},
    {"shift_init", "betainit betainitializer"},
    {"model.0.dropout.rate", "p prob probability droprate dropprob"},
    {"probability", "p prob"},
    /* augmentations */
    {"flip", "hflip horizontalflip randomflip randomhorizontalflip fliplr"},
    {"crop", "randomcrop"},
    {"resized_crop", "randomresizedcrop zoom"},
    {"rotate", "rotation randomrotation"},
    {"translate", "shift randomtranslation"},
    {"brightness", "colorjitter"},
    {"greyscale", "grayscale gray randomgrayscale"},
    {"cutout", "randomerasing"},
};
#define SYNONYMS (sizeof synonyms / sizeof *synonyms)

/* Names that users of other programs know, in the same form, and for which there is no key. */
static const struct {
    const char *why, *others;
} needless[] = {
    {"the computation runs on CPUs",
     "device devices gpu gpus ngpu ngpus numgpus gpuid gpuids cuda usecuda usegpu accelerator"},
    {"the command that starts the run says how many ranks it has",
     "worldsize nproc nprocs nranks numprocesses localrank rank nodes nnodes numnodes"},
    {"each rank prepares its own samples", "numworkers nworkers workers pinmemory prefetch "
                                           "prefetchfactor persistentworkers"},
    {"the size of the input follows from the data and the layers before",
     "inchannels infeatures inputchannels inputshape inputdim inputsize indim inplanes imagesize "
     "imgsize imgheight imgwidth imageheight imagewidth"},
    {"every step and every epoch is logged",
     "logevery loginterval logfreq logfrequency logsteps loggingsteps logeverynsteps printfreq "
     "printevery printinterval verbose verbosity"},
    {"the command that starts the run names its folder",
     "outdir outputdir outputpath savedir savepath savefolder logdir workdir dir directory folder "
     "runname experiment experimentname project projectname"},
    {"the command that starts the run says whether it resumes", "resume resumefrom autoresume"},
    {"runs always give the same bits", "deterministic reproducible benchmark"},
};
#define NEEDLESS (sizeof needless / sizeof *needless)
#define PLAIN 48 /* bytes of a name without case and underscores; longer ones are cut */

static void make_plain(const char *word, char plain[PLAIN]) {
    size_t length = 0;
    for (; *word && length + 1 < PLAIN; word++)
        if (*word != '_' && *word != '-' && *word != ' ')
            plain[length++] = (char)tolower((unsigned char)*word);
    plain[length] = '\0';
}

static bool is_listed(const char *plain, const char *words) {
    size_t length = strlen(plain);
    for (const char *at = words; length; at += length) {
        at = strstr(at, plain);
        if (!at)
            return false;
        bool begins = at == words || at[-1] == ' ';
        if (begins && (at[length] == ' ' || !at[length]))
            return true;
    }
    return false;
}

static const char *last_part(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* Whether a path leads down from here, so that its last part belongs to another place. */
static bool begins_here(const char *path, const char *const *names, int count) {
    size_t length = strcspn(path, ".");
    for (int i = 0; i < count && path[length]; i++)
        if (!strncmp(names[i], path, length) && !names[i][length])
            return true;
    return false;
}

/* The name, of those that are valid here, that another program's name stands for. */
static const char *translate(const char *plain, const char *const *names, int count) {
    char other[PLAIN];
    for (int i = 0; i < count; i++) {
        make_plain(names[i], other);
        if (!strcmp(other, plain))
            return names[i];
    }
    for (size_t i = 0; i < SYNONYMS; i++) {
        int at = text_index(last_part(synonyms[i].own), names, count);
        if (at >= 0 && !begins_here(synonyms[i].own, names, count) &&
            is_listed(plain, synonyms[i].others))
            return names[at];
    }
    return NULL;
}

static const char *find_in(const struct Key *keys, const char *plain, int depth,
                           struct Text *place);

static const char *find_in_kinds(const struct Key *key, const char *plain, int depth,
                                 struct Text *place) {
    char other[PLAIN];
    const char *found = NULL;
    for (int i = 0; key->kinds->kinds[i] && !found; i++) {
        const struct Kind *kind = key->kinds->kinds[i];
        make_plain(kind->name, other);
        if (!depth) {
            found = strcmp(other, plain) ? NULL : kind->name;
        } else if (key->type == KEY_CHOICE) {
            size_t before = place->length;
            text_add(place, ".%s", kind->name);
            found = find_in(kind->keys, plain, depth - 1, place);
            if (!found)
                place->data[place->length = before] = '\0';
        }
    }
    return found;
}

/* Looks for a name `depth` levels below `keys`; adds the path of what has it to `place`. The items
 * of lists are not looked into. */
static const char *find_in(const struct Key *keys, const char *plain, int depth,
                           struct Text *place) {
    const char *found = NULL;
    char other[PLAIN];
    for (const struct Key *key = keys; key && key->name && !found; key++) {
        make_plain(key->name, other);
        if (!depth) {
            found = strcmp(other, plain) ? NULL : key->name;
            continue;
        }
        size_t before = place->length;
        text_add(place, "%s%s%s", before ? "." : "", key->name,
                 key->type == KEY_NAMED ? ".NAME" : "");
        if (key->type == KEY_SECTION || key->type == KEY_NAMED)
            found = find_in(key->keys, plain, depth - 1, place);
        else if (key->type == KEY_CHOICE || key->type == KEY_CHOICES)
            found = find_in_kinds(key, plain, depth - 1, place);
        if (!found)
            place->data[place->length = before] = '\0';
    }
    return found;
}

#define DEPTH 3 /* the most levels: optimizer, sgd, rate */
/* Where the file takes a name that is not valid here; the outermost place, of several. */
static const char *find_elsewhere(const struct Key *root, const char *word, struct Text *place) {
    char plain[PLAIN];
    const char *found = NULL;
    make_plain(word, plain);
    for (int depth = 0; depth < DEPTH && !found; depth++)
        found = find_in(root, plain, depth, place);
    return found;
}

static const char *translate_elsewhere(const struct Key *root, const char *plain,
                                       struct Text *place) {
    const char *found = NULL;
    for (size_t i = 0; i < SYNONYMS && !found; i++) {
        const char *own = synonyms[i].own, *last = last_part(own);
        if (!is_listed(plain, synonyms[i].others))
            continue;
        if (last == own)
            found = find_elsewhere(root, own, place);
        else {
            text_add(place, "%.*s", (int)(last - own) - 1, own);
            found = last;
        }
    }
    return found;
}

/* Why there is no key for what another program's name stands for; NULL if the name is not known. */
static const char *why_needless(const char *plain) {
    for (size_t i = 0; i < NEEDLESS; i++)
        if (is_listed(plain, needless[i].others))
            return needless[i].why;
    return NULL;
}

void suggest__name(struct Text *text, const char *word, const char *const *names, int count,
                   const struct Key *root) {
    char plain[PLAIN];
    struct Text place = {0};
    make_plain(word, plain);
    const char *here = translate(plain, names, count);
    const char *elsewhere = here ? NULL : translate_elsewhere(root, plain, &place);
    if (!here && !elsewhere)
        elsewhere = find_elsewhere(root, word, &place);
    const char *why = here || elsewhere ? NULL : why_needless(plain);
    if (!here && !elsewhere && !why)
        here = text_nearest(word, names, count);
    if (why)
        text_add(text, "; none is needed: %s", why);
    else if (here)
        text_add(text, "; did you mean '%s'?", here);
    else if (elsewhere && place.length)
        text_add(text, "; did you mean '%s' in '%s'?", elsewhere, place.data);
    else if (elsewhere)
        text_add(text, "; did you mean '%s' at the top of the file?", elsewhere);
    text_release(&place);
}
