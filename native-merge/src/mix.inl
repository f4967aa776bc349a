// The kernel of mix.cpp, included once for each instruction set. The including namespace has:
//   Floats, Ints     WIDTH float or int32_t lanes (GCC's vector types, or plain numbers where WIDTH is 1)
//   load_f16, load_bf16, store_f16, store_bf16

// Lanes that are computed together: enough to keep the adders busy while a sum waits for itself.
constexpr size_t LANES = WIDTH == 1 ? 1 : 4;
constexpr size_t TILE = LANES * WIDTH;

// The largest bits of |x| seen so far, lane by lane; NaN and infinity have the largest.
TEMPERAMENT_INLINE void watch(Ints & largest, Floats values) {
    Ints magnitude;
    memcpy(&magnitude, &values, sizeof magnitude);
    magnitude &= 0x7FFFFFFF;
    largest = magnitude > largest ? magnitude : largest;
}

// Negated where `flip` is the sign bit, which rounds nothing.
TEMPERAMENT_INLINE Floats turn(Floats values, Ints flip) {
    Ints bits;
    memcpy(&bits, &values, sizeof bits);
    bits ^= flip;
    memcpy(&values, &bits, sizeof bits);
    return values;
}

TEMPERAMENT_INLINE void load(Floats (&out)[LANES], const Stored & from, size_t at) {
    if (from.type == GGML_TYPE_F16) {
        const auto * in = static_cast<const uint16_t *>(from.data) + at;
        for (size_t l = 0; l < LANES; l++) out[l] = load_f16(in + l * WIDTH);
    } else if (from.type == GGML_TYPE_BF16) {
        const auto * in = static_cast<const uint16_t *>(from.data) + at;
        for (size_t l = 0; l < LANES; l++) out[l] = load_bf16(in + l * WIDTH);
    } else {
        const auto * in = static_cast<const float *>(from.data) + at;
        for (size_t l = 0; l < LANES; l++) memcpy(&out[l], in + l * WIDTH, sizeof(Floats));
    }
}

TEMPERAMENT_INLINE void store(const Floats (&values)[LANES], const Stored & to, size_t at) {
    if (to.type == GGML_TYPE_F16) {
        auto * out = static_cast<uint16_t *>(to.data) + at;
        for (size_t l = 0; l < LANES; l++) store_f16(values[l], out + l * WIDTH);
    } else if (to.type == GGML_TYPE_BF16) {
        auto * out = static_cast<uint16_t *>(to.data) + at;
        for (size_t l = 0; l < LANES; l++) store_bf16(values[l], out + l * WIDTH);
    } else {
        auto * out = static_cast<float *>(to.data) + at;
        for (size_t l = 0; l < LANES; l++) memcpy(out + l * WIDTH, &values[l], sizeof(Floats));
    }
}

TEMPERAMENT_INLINE void sum_terms(Floats (&sum)[LANES], const Term * terms, size_t n_terms, size_t at) {
    for (size_t v = 0; v < n_terms; v++) {
        Floats delta[LANES];
        load(delta, terms[v].delta, at);
        for (size_t l = 0; l < LANES; l++) sum[l] += terms[v].voice.gain * delta[l];
    }
}

// One: every voice votes, gains and shares by its weight alone. kept: room for LANES numbers a term. What is not finite
// shows in the sum of the votes, also where those elected do not count it.
template <bool One>
TEMPERAMENT_INLINE void elect_terms(Floats (&sum)[LANES], const Term * terms, size_t n_terms, bool normalize, size_t at,
                                    Floats * kept, Ints & largest) {
    const Floats zero = {}, one = zero + 1.0f;
    Floats votes[LANES] = {}, divisor[LANES] = {};
    Ints flip[LANES];
    for (size_t v = 0; v < n_terms; v++) {
        Floats delta[LANES];
        load(delta, terms[v].delta, at);
        for (size_t l = 0; l < LANES; l++) {
            const Floats vote = terms[v].voice.vote * delta[l];
            votes[l] += vote;
            kept[v * LANES + l] = One ? vote : delta[l];
        }
    }
    for (size_t l = 0; l < LANES; l++) {
        watch(largest, votes[l]);
        flip[l] = votes[l] >= zero ? Ints{} : Ints{} + INT32_MIN;
    }
    // Turned by the elected sign, products that agree are positive.
    for (size_t v = 0; v < n_terms; v++) {
        const Voice & voice = terms[v].voice;
        for (size_t l = 0; l < LANES; l++) {
            const Floats own = kept[v * LANES + l];
            const Floats turned = turn(One ? own : voice.vote * own, flip[l]);
            const Floats gained = One ? turned : turn(voice.gain * own, flip[l]);
            sum[l] = turned > zero ? sum[l] + gained : sum[l];
            divisor[l] = turned > zero ? divisor[l] + voice.share : divisor[l];
        }
    }
    for (size_t l = 0; l < LANES; l++) {
        if (normalize) sum[l] /= divisor[l] == zero ? one : divisor[l];
        sum[l] = turn(sum[l], flip[l]);
    }
}

// How the terms come together.
enum class Way { Sum, ElectByWeight, ElectByVoice };

template <Way How>
static void mix_tiles(const Stored & base, const Term * terms, size_t n_terms, const MixRule & rule, const Stored & out,
                      size_t from, size_t to, float * scratch, Largest & largest) {
    const Floats zero = {};
    Floats * kept = reinterpret_cast<Floats *>(scratch);
    Ints largest_vote = {}, largest_out = {};
    for (size_t at = from; at < to; at += TILE) {
        Floats sum[LANES] = {}, values[LANES];
        if (How == Way::Sum) sum_terms(sum, terms, n_terms, at);
        else elect_terms<How == Way::ElectByWeight>(sum, terms, n_terms, rule.normalize, at, kept, largest_vote);
        load(values, base, at);
        for (size_t l = 0; l < LANES; l++) {
            const Floats change = rule.divisor == 1.0f ? sum[l] : sum[l] / rule.divisor;
            const Floats moved = values[l] + rule.lambda * change;
            values[l] = sum[l] == zero ? values[l] : moved;
            watch(largest_out, values[l]);
        }
        store(values, out, at);
    }
    uint32_t lanes[2][WIDTH];
    memcpy(lanes[0], &largest_vote, sizeof largest_vote);
    memcpy(lanes[1], &largest_out, sizeof largest_out);
    for (size_t l = 0; l < WIDTH; l++) {
        largest.vote = largest.vote > lanes[0][l] ? largest.vote : lanes[0][l];
        largest.out = largest.out > lanes[1][l] ? largest.out : lanes[1][l];
    }
}

// Entries [from, to), a multiple of TILE.
static void mix_entries(const Stored & base, const Term * terms, size_t n_terms, const MixRule & rule,
                        const Stored & out, size_t from, size_t to, float * scratch, Largest & largest) {
    bool by_weight = true;
    for (size_t v = 0; v < n_terms; v++) by_weight = by_weight && terms[v].voice.gain == terms[v].voice.vote;
    if (!rule.elect) mix_tiles<Way::Sum>(base, terms, n_terms, rule, out, from, to, scratch, largest);
    else if (by_weight) mix_tiles<Way::ElectByWeight>(base, terms, n_terms, rule, out, from, to, scratch, largest);
    else mix_tiles<Way::ElectByVoice>(base, terms, n_terms, rule, out, from, to, scratch, largest);
}
