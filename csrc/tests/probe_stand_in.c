/* A stand-in for a library with threads: the getters of the real one, and what must not be called counts. */
int stand_in_calls(void);

static int calls;

int stand_in_calls(void)
{
    return calls;
}

#if defined(STAND_IN_GOMP)

int omp_get_max_threads(void);
int omp_get_dynamic(void);

int omp_get_max_threads(void)
{
    calls++;
    return 7;
}

int omp_get_dynamic(void)
{
    return 1;
}

#endif

#if defined(STAND_IN_KMP)

/* The address of this variable is what the real one registers. */
extern int stand_in_registration;
int stand_in_registration = 1;

void __kmpc_fork_call(void);

void __kmpc_fork_call(void)
{
}

#endif

#if defined(STAND_IN_OPENBLAS)

int scipy_openblas_get_num_threads64_(void);
int scipy_openblas_get_parallel64_(void);
const char *scipy_openblas_get_config64_(void);
const char *scipy_openblas_get_corename64_(void);

int scipy_openblas_get_num_threads64_(void)
{
    return 3;
}

int scipy_openblas_get_parallel64_(void)
{
    return 1;
}

const char *scipy_openblas_get_config64_(void)
{
    return "OpenBLAS 0.3.29  USE64BITINT DYNAMIC_ARCH NO_AFFINITY Zen MAX_THREADS=64";
}

const char *scipy_openblas_get_corename64_(void)
{
    return "Zen";
}

#endif

#if defined(STAND_IN_MKL)

int MKL_Get_Max_Threads(void);
int MKL_Get_Dynamic(void);
void MKL_Get_Version_String(char *buffer, int size);

int MKL_Get_Max_Threads(void)
{
    calls++;
    return 5;
}

int MKL_Get_Dynamic(void)
{
    calls++;
    return 0;
}

void MKL_Get_Version_String(char *buffer, int size)
{
    static const char TEXT[] =
        "Intel(R) oneAPI Math Kernel Library Version 2024.1-Product Build 20240215 for Intel(R) 64";
    calls++;
    for (int i = 0; i < size; i++) {
        buffer[i] = i < (int)sizeof TEXT - 1 ? TEXT[i] : ' ';
    }
}

#endif

#if defined(STAND_IN_BLIS)

long bli_thread_get_num_threads(void);
const char *bli_info_get_version_str(void);
long bli_info_get_enable_openmp(void);
long bli_info_get_enable_pthreads(void);

long bli_thread_get_num_threads(void)
{
    return -1; /* never set */
}

const char *bli_info_get_version_str(void)
{
    return "0.9.0";
}

long bli_info_get_enable_openmp(void)
{
    return 0;
}

long bli_info_get_enable_pthreads(void)
{
    return 1;
}

#endif
